package model_test

import (
	"testing"

	"orrery/model"
)

func TestEqualNamesAreOne(t *testing.T) {
	a, b := model.NameOf("node-1"), model.NameOf("node-"+string([]byte{'1'}))
	if a != b || a.String() != "node-1" || a == model.NameOf("node-2") {
		t.Errorf("%v and %v", a, b)
	}
	if none := model.NameOf(""); none != (model.Name{}) || none.String() != "" {
		t.Errorf("no name is %q", none)
	}
}
