package model

import (
	"time"

	"github.com/robfig/cron/v3"

	"orrery/sim"
)

// calendar is the date of the virtual instant 0: a Thursday, in UTC like the
// clock of a control plane.
var calendar = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// Schedule is when a CronJob runs, read and computed by the library that the
// CronJob controller uses (github.com/robfig/cron/v3), in UTC.
type Schedule struct {
	Text string
	next cron.Schedule
}

// ParseSchedule reads the five fields of a crontab, or a word such as "@hourly"
// or "@every 90m".
func ParseSchedule(text string) (Schedule, error) {
	next, err := cron.ParseStandard(text)
	return Schedule{text, next}, err
}

// After is the first instant of the schedule after t; Never if there is none
// within five years.
func (s Schedule) After(t sim.Time) sim.Time {
	at := s.next.Next(calendar.Add(time.Duration(t)))
	if at.IsZero() {
		return sim.Never
	}
	return sim.Time(at.Sub(calendar))
}

// Minutes is an instant in minutes since 1970, as the name of a CronJob's Job
// has it (pkg/controller/cronjob/cronjob_controllerv2.go getJobName).
func Minutes(t sim.Time) int64 { return calendar.Add(time.Duration(t)).Unix() / 60 }
