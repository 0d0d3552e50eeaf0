// Says what Knative's admission webhook would answer to objects that are created, without a cluster.
//
// It reads a JSON array of Knative Services and Configurations, calls the code that the webhook calls, with the default
// configuration, and writes a JSON array of strings: why each is refused, "" for one that is taken. Warnings do not count.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"knative.dev/pkg/apis"
	serving "knative.dev/serving/pkg/apis/serving/v1"
)

// What the webhook needs of a kind: the defaults are set before it is judged.
type admitted interface {
	apis.Defaultable
	apis.Validatable
}

var kinds = map[string]func() admitted{
	"Configuration": func() admitted { return &serving.Configuration{} },
	"Service":       func() admitted { return &serving.Service{} },
}

// verdict returns why the object is refused.
func verdict(object json.RawMessage) (string, error) {
	var known struct{ APIVersion, Kind string }
	if err := json.Unmarshal(object, &known); err != nil {
		return "", err
	}
	create, found := kinds[known.Kind]
	if !found || known.APIVersion != "serving.knative.dev/v1" {
		return "", fmt.Errorf("%s of %s is not known here", known.Kind, known.APIVersion)
	}
	made := create()
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.DisallowUnknownFields() // as the webhook does
	if err := decoder.Decode(made); err != nil {
		return err.Error(), nil
	}
	ctx := apis.WithinCreate(context.Background())
	made.SetDefaults(ctx)
	if refused := made.Validate(ctx).Filter(apis.ErrorLevel); refused != nil {
		return refused.Error(), nil
	}
	return "", nil
}

func run() error {
	var objects []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return err
	}
	answers := make([]string, len(objects))
	for index, object := range objects {
		answer, err := verdict(object)
		if err != nil {
			return fmt.Errorf("object %d: %w", index, err)
		}
		answers[index] = answer
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
