package fault

import (
	"fmt"
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// Gateway is the API servers. What Flood returns ends the flood.
type Gateway interface {
	Flood(store.Flood) (end func())
}

// clientFlood has many clients ask API servers for the same over and over.
type clientFlood struct{ stop func() }

func (f *clientFlood) begin(d *Director, s *Spec, _ []model.Object) (string, bool) {
	flood := s.Flood
	have := func(kind model.Kind) (n int64) {
		d.world.Truth().Snapshot().Each(kind, func(model.Object) bool { n++; return true })
		return n
	}
	if s.FloodPPM > 0 {
		flood.Clients = (have(model.KindNode)*s.FloodPPM + 999_999) / 1_000_000
	}
	if flood.Objects == 0 && flood.Right <= store.RightWatch && flood.Right != store.RightGet {
		flood.Objects = have(flood.Kind)
	}
	f.stop = d.world.Gateway().Flood(flood)
	return said(&flood), true
}

// said is "2,000 clients list pods every 1m0s as system:serviceaccount:a:b".
func said(f *store.Flood) string {
	text := fmt.Sprintf("%d clients as %s %s %ss every %v", f.Clients, f.As.User, f.Right, f.Kind.Short(), f.Every)
	if f.Objects > 0 {
		text += ", " + strconv.FormatInt(f.Objects, 10) + " objects of " + strconv.FormatInt(f.ObjectBytes, 10) + " bytes"
	}
	if f.Over > 0 {
		text += ", one after the other within " + f.Over.Round(time.Second).String()
	}
	return text
}

func (f *clientFlood) end(*Director) { f.stop() }
