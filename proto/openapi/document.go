// Package openapi holds the OpenAPI document of the REST facade, as generated
// from the protos.
package openapi

import (
	_ "embed"
	"slices"
)

//go:embed openapi.json
var document []byte

// Document answers the document, JSON, as a copy of the caller's own.
func Document() []byte { return slices.Clone(document) }
