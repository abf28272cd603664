package manifest

import (
	"strconv"
	"strings"

	"orrery/scenarios/strict"
)

// cronFields is what the five fields of a schedule may range over.
var cronFields = [...]struct {
	name      string
	low, high int
}{{"minute", 0, 59}, {"hour", 0, 23}, {"day of the month", 1, 31}, {"month", 1, 12}, {"day of the week", 0, 7}}

// wrongSchedule says why the API server would refuse a CronJob's schedule: it
// never comes, or always (pkg/apis/batch/validation/validation.go). It is "" for
// a good one. Names of months and days are taken as they are.
func wrongSchedule(text string) string {
	if rest, ok := strings.CutPrefix(text, "@every "); ok {
		if d, err := strict.ParseDuration(rest); err != nil || d <= 0 {
			return strict.Quote(text) + " is no schedule: the period must be longer than 0"
		}
		return ""
	}
	if strings.HasPrefix(text, "@") {
		return ""
	}
	parts := strings.Fields(text)
	if len(parts) != len(cronFields) {
		return strict.Quote(text) + " is no schedule: write minute, hour, day of the month, month and day of the week, such as \"*/5 * * * *\""
	}
	for i, part := range parts {
		for _, item := range strings.Split(part, ",") {
			if wrong := cronItem(item, cronFields[i].low, cronFields[i].high); wrong != "" {
				return strict.Quote(text) + " is no schedule: the " + cronFields[i].name + " " + strict.Quote(item) + " " + wrong
			}
		}
	}
	return ""
}

// cronItem says what is wrong with one item of a field, or "".
func cronItem(item string, low, high int) string {
	span, step, stepped := strings.Cut(item, "/")
	if stepped {
		if n, err := strconv.Atoi(step); err != nil || n < 1 {
			return "steps by less than 1"
		}
	}
	if span == "*" || span == "?" {
		return ""
	}
	from, to, _ := strings.Cut(span, "-")
	for _, bound := range []string{from, to} {
		n, err := strconv.Atoi(bound)
		if err == nil && (n < low || n > high) {
			return "is not within " + strconv.Itoa(low) + " and " + strconv.Itoa(high)
		}
	}
	return ""
}
