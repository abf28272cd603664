package model_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"orrery/model"
	"orrery/sim"
)

// kinds is an object of every kind with nothing set but what must be.
func kinds() []model.Object {
	meta := func(k model.Kind) model.Meta { return model.Meta{Kind: k, ID: 7, Namespace: "default", Name: "x"} }
	spec := &model.PodSpec{Containers: []model.Container{{Name: "main", Image: "x:1"}}}
	return []model.Object{
		&model.Node{Meta: meta(model.KindNode)},
		&model.Pod{Meta: meta(model.KindPod), Spec: spec},
		&model.Deployment{Meta: meta(model.KindDeployment)},
		&model.ReplicaSet{Meta: meta(model.KindReplicaSet)},
		&model.Service{Meta: meta(model.KindService)},
		&model.EndpointSlice{Meta: meta(model.KindEndpointSlice)},
	}
}

// untold is fields no difference is told of: those the commit itself sets, and
// those that never change in a stored object or follow from another field.
var untold = []string{"Kind", "ID", "Namespace", "Name", "ResourceVersion", "CreatedAt", "GraceSeconds", "Images", "NodeID", "Stock"}

// TestEveryFieldThatChangesIsTold sets one field after the other.
func TestEveryFieldThatChangesIsTold(t *testing.T) {
	for _, old := range kinds() {
		v := reflect.ValueOf(old).Elem()
		for _, f := range reflect.VisibleFields(v.Type()) {
			if f.Anonymous || slices.Contains(untold, f.Name) {
				continue
			}
			changed := old.Copy()
			set(reflect.ValueOf(changed).Elem().FieldByIndex(f.Index))
			if len(model.Diff(old, changed)) == 0 {
				t.Errorf("%T: a change of %s is not told", old, f.Name)
			}
			if len(model.Diff(changed, changed.Copy())) != 0 {
				t.Errorf("%T: a copy differs: %v", old, model.Diff(changed, changed.Copy()))
			}
		}
	}
}

func TestAmountsThatChangeInPlaceAreToldAsPeopleWriteThem(t *testing.T) {
	pod := func(request, limit model.Resources) *model.Pod {
		return &model.Pod{Meta: model.Meta{Kind: model.KindPod, Name: "x"}, Spec: &model.PodSpec{Containers: []model.Container{{Name: "main", Requests: request, Limits: limit}}}}
	}
	old := pod(model.Resources{CPUMilli: 500, MemoryBytes: 128 << 20}, model.Resources{CPUMilli: 2000})
	next := pod(model.Resources{CPUMilli: 1500, MemoryBytes: 100_000_000}, model.Resources{MemoryBytes: 1 << 30})
	want := model.Field{Path: "spec.containers.resources", From: "main=cpu 500m/2, memory 128Mi/none", To: "main=cpu 1500m/none, memory 100000000/1Gi"}
	if got := model.Diff(old, next); len(got) != 1 || got[0] != want {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// set gives a field another value than it has.
func set(v reflect.Value) {
	switch v.Interface().(type) {
	case *model.Selector:
		v.Set(reflect.ValueOf(&model.Selector{Requirements: []model.Requirement{{Key: "a", Op: model.NotIn, Values: []string{"b", "c"}}}}))
	case *model.PodSpec:
		v.Set(reflect.ValueOf(&model.PodSpec{Containers: []model.Container{{Name: "main", Image: "x:2"}}}))
	case *model.Template:
		v.Set(reflect.ValueOf(&model.Template{Hash: "h"}))
	case *model.Finalizers:
		v.Set(reflect.ValueOf(&model.Finalizers{Names: []string{"example.com/a"}}))
	case *model.Resize:
		v.Set(reflect.ValueOf(&model.Resize{Pending: model.ResizeDeferred}))
	case *model.Conditions:
		v.Set(reflect.ValueOf(&model.Conditions{List: []model.NamedCondition{{Type: "A"}, {Type: "J"}, {Type: "ZZ"}, {Type: "example.com/a"}}}))
	case model.Condition:
		v.Set(reflect.ValueOf(model.Condition{SinceAt: 5}))
	default:
		setPlain(v)
	}
}

func setPlain(v reflect.Value) {
	if n, ok := v.Interface().(model.Name); ok {
		v.Set(reflect.ValueOf(model.NameOf(n.String() + "y")))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(v.String() + "y")
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() + int64(90*time.Second))
		if v.Int() == 0 {
			v.SetInt(1)
		}
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Struct:
		for i := range v.NumField() {
			setPlain(v.Field(i))
		}
	case reflect.Slice:
		e := reflect.New(v.Type().Elem()).Elem()
		setPlain(e)
		v.Set(reflect.Append(v, e))
	default:
		panic(fmt.Sprintf("no other value of a %v", v.Type()))
	}
}

// TestPathsAreSortedAndUnique changes everything at once.
func TestPathsAreSortedAndUnique(t *testing.T) {
	for _, old := range kinds() {
		changed := old.Copy()
		v := reflect.ValueOf(changed).Elem()
		for _, f := range reflect.VisibleFields(v.Type()) {
			if !f.Anonymous && !slices.Contains(untold, f.Name) {
				set(v.FieldByIndex(f.Index))
			}
		}
		if p, ok := changed.(*model.Pod); ok {
			p.Spec = &model.PodSpec{
				InitContainers: []model.Container{{Name: "z"}, {Name: "a"}},
				Containers:     []model.Container{{Name: "web"}, {Name: "web-1"}, {Name: "b"}},
			}
			p.Containers = make([]model.ContainerStatus, 5)
			for i := range p.Containers {
				setPlain(reflect.ValueOf(&p.Containers[i]).Elem())
			}
		}
		if s, ok := changed.(*model.EndpointSlice); ok {
			for id := range uint32(12) {
				s.Endpoints = append(s.Endpoints, model.Endpoint{Pod: model.Ref{Kind: model.KindPod, ID: 12 - id}, Node: model.NameOf("n")})
			}
		}
		for _, diff := range [][]model.Field{model.Diff(old, changed), model.Diff(nil, changed), model.Diff(changed, old), model.Diff(changed, nil)} {
			for i := 1; i < len(diff); i++ {
				if diff[i-1].Path >= diff[i].Path {
					t.Errorf("%T: %s comes before %s", old, diff[i-1].Path, diff[i].Path)
				}
			}
		}
	}
}

func TestDiffOfCreationAndDeletion(t *testing.T) {
	for _, o := range kinds() {
		for _, f := range model.Diff(nil, o) {
			if f.From != "" {
				t.Errorf("%T is created with %s from %q", o, f.Path, f.From)
			}
		}
		for _, f := range model.Diff(o, nil) {
			if f.To != "" {
				t.Errorf("%T is deleted with %s to %q", o, f.Path, f.To)
			}
		}
	}
	pod := &model.Pod{Meta: model.Meta{Kind: model.KindPod}, NodeName: "n-1", Phase: model.PodRunning}
	want := []model.Field{{Path: "spec.nodeName", From: "n-1"}, {Path: "status.phase", From: "Running"}}
	if got := model.Diff(pod, nil); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDiffOfEndpointsIsByPod(t *testing.T) {
	list := func(s string) *model.EndpointSlice {
		e := &model.EndpointSlice{Meta: model.Meta{Kind: model.KindEndpointSlice}}
		for _, c := range s {
			id := uint32(c|0x20) - 'a' + 1
			e.Endpoints = append(e.Endpoints, model.Endpoint{Pod: model.Ref{Kind: model.KindPod, ID: id}, Ready: c < 'a'})
		}
		return e
	}
	for _, x := range []struct{ old, new, want string }{
		{"ABC", "ABC", ""},
		{"ABC", "AbC", "pod-2"},
		{"ABC", "AC", "pod-2"},
		{"AC", "ABC", "pod-2"},
		{"ABC", "CBA", ""}, // the order means nothing
		{"ABCD", "bCDE", "pod-1 pod-2 pod-5"},
		{"", "AB", "pod-1 pod-2"},
		{"AB", "", "pod-1 pod-2"},
	} {
		var got []string
		for _, f := range model.Diff(list(x.old), list(x.new)) {
			got = append(got, strings.TrimPrefix(f.Path, "endpoints."))
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s to %s: %v, want %s", x.old, x.new, got, x.want)
		}
	}
}

func TestAddressesAreDotted(t *testing.T) {
	old := &model.Pod{Meta: model.Meta{Kind: model.KindPod}}
	now := &model.Pod{Meta: old.Meta, IP: 10<<24 | 4<<8 | 255}
	want := []model.Field{{Path: "status.podIP", To: "10.0.4.255"}}
	if got := model.Diff(old, now); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAppendSeconds(t *testing.T) {
	for at, want := range map[time.Duration]string{
		0: "0s", 1: "0.000000001s", time.Second: "1s", 1500 * time.Millisecond: "1.5s",
		time.Hour + 10*time.Nanosecond: "3600.00000001s", 52*time.Second + 900*time.Microsecond: "52.0009s",
	} {
		if got := string(model.AppendSeconds([]byte("at "), sim.Time(at))); got != "at "+want {
			t.Errorf("%d: %s, want %s", at, got, want)
		}
	}
}

// What a metric came to is told by its own name, also when the autoscaler has other metrics
// by now.
func TestMetricsOfAnAutoscalerAreToldWhateverItsMetricsAreNow(t *testing.T) {
	old := &model.HorizontalPodAutoscaler{
		Meta:    model.Meta{Kind: model.KindHorizontalPodAutoscaler, ID: 7},
		Metrics: []model.MetricSpec{{Name: "memory", Utilization: 80}, {Name: "cpu", Container: "main", Average: 250}},
		CurrentMetrics: []model.MetricValue{
			{Name: "memory", Utilized: true, Utilization: 60, Average: 100}, {Name: "cpu", Container: "main", Average: 200},
		},
	}
	fewer := *old
	fewer.Metrics = old.Metrics[:1]
	next := fewer
	next.CurrentMetrics = []model.MetricValue{{}}
	var got []string
	for _, d := range append(model.Diff(old, &fewer), model.Diff(&fewer, &next)...) {
		got = append(got, fmt.Sprint(d))
	}
	if text := strings.Join(got, "\n"); !strings.Contains(text, "memory=80%; main/cpu=250m") || !strings.Contains(text, "memory=60%; main/cpu=200m") || !strings.Contains(text, "<unknown>") {
		t.Errorf("%s", text)
	}
}
