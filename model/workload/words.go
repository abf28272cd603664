package workload

import (
	"strconv"
	"time"

	"orrery/model"
	"orrery/model/store"
)

// dialTimeout is how long kubectl tries to reach a server that does not answer
// (k8s.io/client-go/transport/cache.go: 30 s).
const dialTimeout = 30 * time.Second

// unreachable is what kubectl says then.
const unreachable = "Unable to connect to the server: dial tcp: i/o timeout"

// A throttled request is asked again after the second that the server names, ten
// times (k8s.io/client-go/rest/request.go maxRetries).
const (
	askAgain = time.Second
	askMost  = 10
)

// printed is what kubectl prints of a refusal
// (k8s.io/kubectl/pkg/cmd/util/helpers.go StandardErrorMessage). Without a message
// of the server's it is the one that Kubernetes has for the reason
// (k8s.io/apimachinery/pkg/api/errors/errors.go).
func printed(why store.Refusal, message string, kind model.Kind, name string) string {
	switch why {
	case store.Unauthorized:
		return "error: You must be logged in to the server (Unauthorized)"
	case store.TimedOut:
		if message == "" {
			return unreachable
		}
	}
	if message == "" {
		message = kind.Resource() + " " + strconv.Quote(name) + ending(why)
		switch why {
		case store.TooManyRequests:
			message = "the server has received too many requests and has asked us to try again later"
		case store.NoSpace:
			message = "etcdserver: mvcc: database space exceeded"
		case store.InternalError:
			message = "Internal error occurred"
		}
	}
	return "Error from server (" + why.String() + "): " + message
}

func ending(why store.Refusal) string {
	switch why {
	case store.NotFound:
		return " not found"
	case store.AlreadyExists:
		return " already exists"
	case store.Forbidden:
		return " is forbidden"
	case store.Conflict:
		return ": the object has been modified; please apply your changes to the latest version and try again"
	}
	return " is invalid"
}
