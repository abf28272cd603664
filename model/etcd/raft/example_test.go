package raft_test

import (
	"fmt"

	"orrery/model/etcd/raft"
)

// Three members elect a leader and agree on an entry. Whoever calls them is their
// clock, their network and their disk.
func Example() {
	group := raft.Snapshot{Conf: raft.Conf{Voters: raft.SetOf(1, 2, 3)}}
	members := map[raft.ID]*raft.Raft{}
	for id := raft.ID(1); id <= 3; id++ {
		members[id] = raft.New(raft.Config{
			ID: id, PreVote: true, CheckQuorum: true, ElectionTicks: 10, MostEntries: 64, MostInflight: 512,
			Timeout: func(uint64) raft.Tick { return 10 + raft.Tick(id) },
		}, raft.NewDisk(group), 0)
	}
	deliver := func() {
		for again := true; again; {
			again = false
			for id := raft.ID(1); id <= 3; id++ {
				for m := members[id]; m.HasReady(); again = true {
					messages := append([]raft.Message(nil), m.TakeReady().Messages...)
					m.Advance() // the disk is as fast as the network
					for _, message := range messages {
						members[message.To].Step(message)
					}
				}
			}
		}
	}
	for tick := raft.Tick(1); tick <= 11; tick++ {
		for id := raft.ID(1); id <= 3; id++ {
			members[id].Tick(tick)
		}
		deliver()
	}
	members[1].Step(raft.Message{Type: raft.Prop, From: 1, To: 1, Entries: raft.Entries{Count: 1}})
	deliver()
	for id := raft.ID(1); id <= 3; id++ {
		m := members[id]
		fmt.Printf("member %v: %v in term %d, led by %v, %d entries, %d agreed\n", id, m.Role(), m.Term(), m.Lead(), m.Last(), m.Commit())
	}
	// Output:
	// member 1: leader in term 1, led by 1, 2 entries, 2 agreed
	// member 2: follower in term 1, led by 1, 2 entries, 2 agreed
	// member 3: follower in term 1, led by 1, 2 entries, 2 agreed
}
