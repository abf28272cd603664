package report

import (
	"encoding/json"
	"io"
	"math"
	"strconv"
)

// The JSON of a comparison. Durations are in nanoseconds, shares from 0 to 1;
// what is not there is null.

type jsonComparison struct {
	Confidence float64       `json:"confidence"`
	Format     string        `json:"format"`
	Measures   []jsonMeasure `json:"measures"`
	Policies   []string      `json:"policies"` // the first is what the others are compared with
	Promises   []jsonPromise `json:"promises"`
	Scenario   string        `json:"scenario"`
	Seeds      []uint64      `json:"seeds"`
}

type jsonMeasure struct {
	Measure  string         `json:"measure"`
	Policies []jsonMeasured `json:"policies"`
	Unit     Unit           `json:"unit"`
}

type jsonMeasured struct {
	Difference *jsonPaired `json:"difference"` // null of the first policy
	Mean       number      `json:"mean"`
	NoValue    int         `json:"noValue"` // in so many runs
	Policy     string      `json:"policy"`
	Values     []number    `json:"values"` // by seed
	Why        string      `json:"why"`    // the first of them has no value
}

type jsonPaired struct {
	Equal       bool   `json:"equal"`
	High        number `json:"high"`
	Low         number `json:"low"`
	Mean        number `json:"mean"`
	Pairs       int    `json:"pairs"`
	Sign        int    `json:"sign"` // 0 if not significant
	Significant bool   `json:"significant"`
}

type jsonPromise struct {
	Expr string `json:"expr"`
	Held []int  `json:"held"` // in so many runs, by policy
}

// number is a float that may be missing. Twelve digits are more than anything
// measured is worth, and hide how processors round.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) {
		return []byte("null"), nil
	}
	x, err := strconv.ParseFloat(strconv.FormatFloat(float64(n), 'g', 12, 64), 64)
	if err != nil {
		return nil, err
	}
	return json.Marshal(x)
}

// comparisonFormat names the layout, so that readers can tell when it changes.
const comparisonFormat = "orrery.compare/v1"

// WriteJSON writes the comparison as one JSON object.
func (c *Comparison) WriteJSON(w io.Writer) error {
	out := jsonComparison{
		Confidence: Confidence, Format: comparisonFormat, Measures: []jsonMeasure{}, Policies: c.Policies,
		Promises: []jsonPromise{}, Scenario: c.Scenario, Seeds: c.Seeds,
	}
	for i := range c.Measures {
		m := jsonMeasure{Measure: c.Measures[i].Text, Unit: c.Measures[i].unit()}
		for p, x := range c.measured(i) {
			m.Policies = append(m.Policies, x.json(c.Policies[p], p == 0))
		}
		out.Measures = append(out.Measures, m)
	}
	for i := range c.Promises {
		j := jsonPromise{Expr: c.Promises[i].Expr}
		for p := range c.Policies {
			j.Held = append(j.Held, c.held(p, i))
		}
		out.Promises = append(out.Promises, j)
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(escapeHidden(text), '\n'))
	return err
}

func (m *measured) json(policy string, first bool) jsonMeasured {
	j := jsonMeasured{Mean: number(mean(m.values)), NoValue: m.none, Policy: policy, Values: []number{}, Why: m.why}
	for _, x := range m.values {
		j.Values = append(j.Values, number(x))
	}
	if !first {
		d := m.pair
		j.Difference = &jsonPaired{
			Equal: d.Equal, High: number(d.High), Low: number(d.Low), Mean: number(d.Difference),
			Pairs: d.Pairs, Sign: d.Sign(), Significant: d.Significant(),
		}
	}
	return j
}
