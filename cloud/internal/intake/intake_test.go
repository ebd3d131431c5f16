package intake

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/prototest"
)

func ack(revision uint64) protocol.Ack {
	return protocol.Ack{Position: access.Position{Epoch: 1, Revision: revision}}
}

func TestE4_WhatAGatewaySaysIsSavedAndAnswered(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		<-time.After(time.Hour) // virtual time begins at midnight
		r.say("gw-1", protocol.TypeHello, protocol.Hello{Nonce: "n1"})
		r.wants("hello: saved first, then answered", "gw-1 hello n1 at 01:00:00; gw-1 answered n1")
		r.say("gw-1", protocol.TypeAck, ack(7))
		r.wants("ack", "gw-1 ack 7")
		r.say("gw-1", protocol.TypeInventory, protocol.Inventory{Number: 3})
		r.wants("inventory", "gw-1 inventory 3")
		r.say("gw-1", protocol.TypeEvent, events(1, 2))
		r.wants("events: committed first, then the receipt", "gw-1 event 1; gw-1 event 2; gw-1 receipt 2")
		r.say("gw-1", protocol.TypeReply, protocol.Reply{ID: "c1", Result: "done"})
		r.wants("reply", "gw-1 reply c1 done")
		if r.changes != 5 {
			t.Errorf("told of %d changes, want 5", r.changes)
		}
		if r.lines("command=c1") != 1 {
			t.Errorf("the reply is nowhere:\n%s", r.log.String())
		}
		status, err := json.Marshal(protocol.Status{Online: true})
		if err != nil {
			t.Fatal(err)
		}
		r.Offer(protocol.StatusTopic("gw-1"), status)
		synctest.Wait()
		r.wants("status", "gw-1 status online=true at 01:00:00")
		r.OfferKept(protocol.StatusTopic("gw-1"), status)
		synctest.Wait()
		r.wants("a status that the broker kept", "gw-1 status online=true at 01:00:00; gw-1 greeted")
		r.OfferKept(protocol.StatusTopic("gw-1"), []byte(`{"online":false}`))
		synctest.Wait()
		r.wants("one that is not there is not greeted", "gw-1 status online=false at 01:00:00")
		c := r.Counts()
		if len(c.Taken) != 6 || len(c.Refused) > 0 || c.Failed+c.Dropped > 0 {
			t.Errorf("counts %+v, want one of each of six types", c)
		}
		c.Taken[protocol.TypeAck] = 99
		if r.Counts().Taken[protocol.TypeAck] != 1 {
			t.Error("who reads the counters can change them")
		}
	})
}

func TestG10_EventsExactlyOnceAndAReceiptEveryTime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		for _, c := range []struct {
			what  string
			batch protocol.Events
			want  string
		}{
			{"first", events(1, 2), "gw-1 event 1; gw-1 event 2; gw-1 receipt 2"},
			{"the same again: the receipt was lost", events(1, 2), "gw-1 receipt 2"},
			{"half new", events(2, 2), "gw-1 event 3; gw-1 receipt 3"},
			{"older ones", events(1, 1), "gw-1 receipt 3"},
			{"a gap: the receipt says where to go on", events(6, 1), "gw-1 receipt 3"},
			{"the next", events(4, 1), "gw-1 event 4; gw-1 receipt 4"},
			{"none", protocol.Events{First: 5}, "gw-1 receipt 4"},
		} {
			r.say("gw-1", protocol.TypeEvent, c.batch)
			r.wants(c.what, c.want)
		}
		r.say("gw-2", protocol.TypeEvent, events(1, 1))
		r.wants("another gateway counts for itself", "gw-2 event 1; gw-2 receipt 1")
	})
}

func TestG10_NoReceiptWithoutACommit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		r.breaks("SaveEvents", errBroken)
		for range 50 {
			r.say("gw-1", protocol.TypeEvent, events(1, 1))
		}
		r.wants("the database is away", "")
		if n := r.lines(errBroken.Error()); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		if c := r.Counts(); c.Failed != 50 || r.changes != 0 {
			t.Errorf("%d failed, %d changes", c.Failed, r.changes)
		}
		r.breaks("SaveEvents", nil)
		r.say("gw-1", protocol.TypeEvent, events(1, 1))
		r.wants("the gateway says it again", "gw-1 event 1; gw-1 receipt 1")
		r.breaks("SaveEvents", errBroken)
		r.say("gw-1", protocol.TypeEvent, events(2, 1))
		if n := r.lines(errBroken.Error()); n != 2 {
			t.Errorf("a second outage is logged %d times in all, want 2", n)
		}
	})
}

func TestG10_ACommitWhoseReceiptFailsStays(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		r.breaks("receipt", errBroken)
		r.say("gw-1", protocol.TypeEvent, events(1, 1))
		r.wants("the broker is away", "gw-1 event 1")
		if r.changes != 1 {
			t.Error("nobody was told of the committed event")
		}
		r.breaks("receipt", nil)
		r.say("gw-1", protocol.TypeEvent, events(1, 1))
		r.wants("not stored twice", "gw-1 receipt 1")
	})
}

func TestG10_AChainThatDoesNotFitGetsNoReceipt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		r.say("gw-1", protocol.TypeEvent, events(1, 2))
		r.take()
		forged := events(3, 1)
		forged.Prev[0] ^= 1
		r.say("gw-1", protocol.TypeEvent, forged)
		r.say("gw-1", protocol.TypeEvent, forged)
		r.wants("another history", "")
		if r.lines("does not continue the chain") != 1 {
			t.Errorf("log:\n%s", r.log.String())
		}
		r.say("gw-1", protocol.TypeEvent, events(3, 1))
		r.wants("the true one", "gw-1 event 3; gw-1 receipt 3")
	})
}

func TestG7_ForgedForeignAndMisroutedIsRefusedAndCounted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		r.world.mu.Lock()
		delete(r.world.keys, "gw-7") // never enrolled, or revoked
		r.world.mu.Unlock()
		up := func(gw access.GatewayID, typ protocol.Type, body any) []byte { return r.gateways[gw].Up(t, typ, body) }
		hello, topic := protocol.Hello{Nonce: "evil"}, protocol.UpTopic("gw-1", protocol.TypeHello)
		good := up("gw-1", protocol.TypeHello, hello)
		pretender := r.gateways["gw-2"]
		pretender.ID = "gw-1"
		turned := r.gateways["gw-1"]
		turned.ID = "gw-2" // its own key, on its own branch, in another's name
		for _, c := range []struct {
			name, topic string
			payload     []byte
			want        protocol.Reason
		}{
			{"signed by another gateway's key", topic, pretender.Up(t, protocol.TypeHello, hello), protocol.UnknownKey},
			{"on another gateway's branch", topic, up("gw-2", protocol.TypeHello, hello), protocol.UnknownKey},
			{"calls itself another", topic, turned.Up(t, protocol.TypeHello, hello), protocol.WrongGateway},
			{"not enrolled", protocol.UpTopic("gw-7", protocol.TypeHello), up("gw-7", protocol.TypeHello, hello), protocol.UnknownKey},
			{"the status of one not enrolled", protocol.StatusTopic("gw-7"), []byte(`{"online":true}`), protocol.UnknownKey},
			{"an ack on the topic of a hello", topic, up("gw-1", protocol.TypeAck, ack(1)), protocol.WrongType},
			{"a type that goes down only", protocol.UpTopic("gw-1", protocol.TypeState), up("gw-1", protocol.TypeState, hello), protocol.WrongType},
			{"no topic of ours", "elsewhere/gw-1/up/hello", good, protocol.WrongType},
			{"a topic with more levels", topic + "/x", good, protocol.WrongType},
			{"a changed byte", topic, []byte(strings.Replace(string(good), `"sig":"`, `"sig":"AAAA`, 1)), protocol.BadSignature},
			{"cut", topic, good[:len(good)/2], protocol.Malformed},
			{"nothing", topic, nil, protocol.Malformed},
			{"too long", topic, make([]byte, protocol.MaxMessage+1), protocol.Oversized},
			{"a body of the wrong shape", topic, up("gw-1", protocol.TypeHello, []string{"x"}), protocol.Malformed},
			{"a status that is no JSON", protocol.StatusTopic("gw-1"), []byte("online"), protocol.Malformed},
			{"a status that is too long", protocol.StatusTopic("gw-1"), make([]byte, protocol.MaxMessage+1), protocol.Malformed},
		} {
			before := r.Counts().Refused[c.want]
			r.Offer(c.topic, c.payload)
			synctest.Wait()
			if n := r.Counts().Refused[c.want] - before; n != 1 {
				t.Errorf("%s: %d refused as %s; counts %v", c.name, n, c.want, r.Counts().Refused)
			}
		}
		r.wants("saved or answered", "")
		if r.changes > 0 || len(r.Counts().Taken) > 0 {
			t.Errorf("%d changes, taken %v", r.changes, r.Counts().Taken)
		}
		r.Offer(topic, good)
		synctest.Wait()
		if got := r.take(); !strings.Contains(got, "answered evil") {
			t.Errorf("the same message, unharmed: %q", got)
		}
	})
}

func TestRefusalsAreLoggedOnceAGatewayAndReason(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		for i := range 300 {
			gw := access.GatewayID(fmt.Sprintf("stranger-%d", i))
			r.Offer(protocol.UpTopic(gw, protocol.TypeHello), []byte("x"))
			r.Offer(protocol.UpTopic("gw-1", protocol.TypeHello), []byte("x"))
			r.Offer(protocol.UpTopic("gw-2", protocol.TypeHello), []byte("x"))
			synctest.Wait()
		}
		for containing, want := range map[string]int{"stranger": 1, "gateway=gw-1": 1, "gateway=gw-2": 1} {
			if n := r.lines(containing); n != want {
				t.Errorf("%d lines with %q, want %d", n, containing, want)
			}
		}
		if c := r.Counts().Refused; c[protocol.UnknownKey] != 300 || c[protocol.Malformed] != 600 {
			t.Errorf("counted %v", c)
		}
	})
}

func TestFailuresOfTheStore(t *testing.T) {
	t.Parallel()
	for method, do := range map[string]func(*rig){
		"Signing":       func(r *rig) { r.say("gw-1", protocol.TypeAck, ack(1)) },
		"SaveHello":     func(r *rig) { r.say("gw-1", protocol.TypeHello, protocol.Hello{}) },
		"SaveAck":       func(r *rig) { r.say("gw-1", protocol.TypeAck, ack(1)) },
		"SaveInventory": func(r *rig) { r.say("gw-1", protocol.TypeInventory, protocol.Inventory{}) },
		"answer":        func(r *rig) { r.say("gw-1", protocol.TypeHello, protocol.Hello{}) },
		"SaveStatus":    func(r *rig) { r.Offer(protocol.StatusTopic("gw-1"), []byte(`{}`)); synctest.Wait() },
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				r.start()
				for outage := 1; outage <= 2; outage++ {
					r.breaks(method, errBroken)
					do(r)
					do(r)
					if n := r.lines(errBroken.Error()); n != outage {
						t.Errorf("outage %d: logged %d times", outage, n)
					}
					r.breaks(method, nil)
					do(r)
				}
				if c := r.Counts(); c.Failed != 4 {
					t.Errorf("counts %+v", c)
				}
			})
		})
	}
}

func TestOrderIsKeptPerGateway(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		const each = 30
		for i := range uint64(each) { // all queued before anybody works
			for gw := range r.gateways {
				r.Offer(protocol.UpTopic(gw, protocol.TypeAck), r.gateways[gw].Up(t, protocol.TypeAck, ack(i)))
			}
		}
		r.start()
		synctest.Wait()
		next := map[string]uint64{}
		for _, line := range strings.Split(r.take(), "; ") {
			var gw string
			var revision uint64
			if _, err := fmt.Sscanf(line, "%s ack %d", &gw, &revision); err != nil {
				t.Fatal(line, err)
			}
			if revision != next[gw] {
				t.Errorf("%s: %d came, want %d", gw, revision, next[gw])
			}
			next[gw]++
		}
		for gw := range r.gateways {
			if next[string(gw)] != each {
				t.Errorf("%s: %d came", gw, next[string(gw)])
			}
		}
		if r.world.overlap {
			t.Error("two messages of one gateway were worked on at once")
		}
	})
}

func TestAFullQueueDropsCountsAndNeverBlocks(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		msg := r.gateways["gw-1"].Up(t, protocol.TypeAck, ack(1))
		for range queueLength + 10 { // nobody works yet
			r.Offer(protocol.UpTopic("gw-1", protocol.TypeAck), msg)
		}
		if c := r.Counts(); c.Dropped != 10 {
			t.Errorf("%d dropped, want 10", c.Dropped)
		}
		r.start()
		synctest.Wait()
		if n := r.Counts().Taken[protocol.TypeAck]; n != queueLength {
			t.Errorf("%d taken, want %d", n, queueLength)
		}
		r.say("gw-1", protocol.TypeAck, ack(2))
		if n := r.Counts().Taken[protocol.TypeAck]; n != queueLength+1 {
			t.Errorf("after that %d taken", n)
		}
	})
}

func TestRun_EndsInTheMiddleOfWork(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.world.hold = make(chan struct{})
		r.t.Cleanup(func() { // runs after the intake has ended
			if n := r.lines("not taken in"); n > 0 {
				t.Errorf("ending is logged as a failure:\n%s", r.log.String())
			}
		})
		r.start() // its clean-up fails the test when it does not end
		r.say("gw-1", protocol.TypeAck, ack(1))
		if n := r.Counts().Taken[protocol.TypeAck]; n != 0 {
			t.Error("it was not in the middle of work")
		}
	})
}

// TestTowardsG7_ANextKeyCountsAndTheOneBeforeNoLonger: what comes first by the next key makes it the one in use.
func TestTowardsG7_ANextKeyCountsAndTheOneBeforeNoLonger(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		fresh := r.gateways["gw-1"]
		fresh.Signing = prototest.NewSigningKey(t)
		id := protocol.SignerID(fresh.Signing)
		h := protocol.Hello{Nonce: "n"}
		next := protocol.NewSuccession("gw-1", prototest.Public(r.gateways["gw-1"].Signing), "", fresh.Signing, fresh.Sealing.PublicKey())
		h.Next = &next
		r.say("gw-1", protocol.TypeHello, h)
		r.wants("announced", "gw-1 hello n at 00:00:00; gw-1 next "+id+"; gw-1 answered n")
		r.say("gw-1", protocol.TypeAck, ack(1))
		up := func() {
			r.Offer(protocol.UpTopic("gw-1", protocol.TypeAck), fresh.Up(t, protocol.TypeAck, ack(2)))
			synctest.Wait()
		}
		r.breaks("Heard", errBroken)
		up()
		r.wants("the change cannot be kept: the message is not taken in either", "gw-1 ack 1")
		r.breaks("Heard", nil)
		up()
		up()
		r.wants("by the next key", "gw-1 heard by "+id+" at 00:00:00; gw-1 ack 2; gw-1 ack 2")
		r.say("gw-1", protocol.TypeAck, ack(3))
		if r.wants("by the key before", ""); r.Counts().Refused[protocol.UnknownKey] != 1 {
			t.Errorf("refused %v", r.Counts().Refused)
		}
	})
}

// TestTowardsG7_KeysThatAreWrongAreCountedAndTheHelloIsAnswered.
func TestTowardsG7_KeysThatAreWrongAreCountedAndTheHelloIsAnswered(t *testing.T) {
	t.Parallel()
	inBubble(t, func(r *rig) {
		r.start()
		other := prototest.NewGateway(t, "gw-1")
		forged := protocol.NewSuccession("gw-2", prototest.Public(r.gateways["gw-1"].Signing), "", other.Signing, other.Sealing.PublicKey())
		for range 2 {
			r.say("gw-1", protocol.TypeHello, protocol.Hello{Nonce: "n", Next: &forged})
			r.wants("made for another gateway", "gw-1 hello n at 00:00:00; gw-1 answered n")
		}
		good := protocol.NewSuccession("gw-1", prototest.Public(r.gateways["gw-1"].Signing), "", other.Signing, other.Sealing.PublicKey())
		r.breaks("Succeed", errBroken)
		r.say("gw-1", protocol.TypeHello, protocol.Hello{Nonce: "n", Next: &good})
		r.wants("they cannot be kept", "gw-1 hello n at 00:00:00; gw-1 answered n")
		c := r.Counts()
		if c.Keys[protocol.BadSignature] != 2 || len(c.Refused) != 0 || c.Failed != 1 || c.Taken[protocol.TypeHello] != 3 {
			t.Errorf("counted %+v", c)
		}
		if n := r.lines("next keys of a gateway"); n != 2 {
			t.Errorf("%d lines in the log, want one for each reason", n)
		}
		if c.Keys[protocol.BadSignature] = 9; r.Counts().Keys[protocol.BadSignature] != 2 {
			t.Error("who reads the counters can change them")
		}
	})
}
