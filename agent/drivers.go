package agent

import (
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/comelit"
)

// Kinds lists every kind of device this agent can drive: read it and know them all.
func Kinds() []driver.Kind {
	return []driver.Kind{
		{Name: "akuvox", New: akuvox.New, Finds: akuvox.Finds()},
		{Name: "comelit", New: comelit.New, Finds: comelit.Finds()},
	}
}
