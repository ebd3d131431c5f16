package rentmanagersim

// node is one row of a table, with everything an embed could bring.
type node struct {
	table  *table
	values map[string]any // int, float64, string, bool, time.Time or nil, by column
	one    map[string]*node
	many   map[string][]*node
}

func (s schema) row(table string, values map[string]any) *node {
	return &node{table: s[table], values: values, one: map[string]*node{}, many: map[string][]*node{}}
}

func (n *node) id() int { return n.values[n.table.key].(int) }

// add puts rows under an embed and remembers this row as their parent where they have a word for it.
func (n *node) add(embed, parent string, rows ...*node) {
	n.many[embed] = append(n.many[embed], rows...)
	if parent != "" {
		for _, r := range rows {
			r.one[parent] = n
		}
	}
}
