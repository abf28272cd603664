package strict_test

import (
	"fmt"

	"orrery/scenarios/strict"
)

// A loader asks for what it knows; the file is told everything that is wrong.
func ExampleParse() {
	doc, err := strict.Parse("zone.yaml", []byte(`name: zone-outage
duration: 45
timeline:
  - {at: 10m, fault: zone-dwon, zone: b}
  - at: 20m
    fault: node-down
    druation: 5m
    count: 30%
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	top := doc.Root().Map("the scenario", "name", "duration", "seed", "timeline")
	name := top.Required("name").Name()
	top.Required("duration").Duration()
	seed := top.Default("seed", "1").Int(0, 1<<53)
	for _, v := range top.Optional("timeline").List() {
		kind := v.Peek("fault").Enum("fault", "node-down", "zone-down")
		m := v.Map("fault "+kind, "at", "fault", "zone", "count", "duration")
		m.Required("at").Duration()
		m.Default("count", "all").Amount()
	}
	fmt.Println(name, seed)
	fmt.Println(doc.Err())
	// Output:
	// zone-outage 1
	// zone.yaml:2:11: duration: 45 has no unit: write 45s
	//     2 | duration: 45
	//       |           ^
	// zone.yaml:4:22: timeline[0].fault: unknown fault "zone-dwon"; did you mean "zone-down"?; known: node-down, zone-down
	//     4 |   - {at: 10m, fault: zone-dwon, zone: b}
	//       |                      ^
	// zone.yaml:7:5: unknown field "druation" in fault node-down; did you mean "duration"?
	//     7 |     druation: 5m
	//       |     ^
}
