package redrive

import (
	"context"
	"fmt"
)

// reclassifyBatch is how many failures one transaction looks at.
const reclassifyBatch = 1000

// Reclassify gives every failure the fingerprint that classify answers now, by
// slices, while failures come in. It may be repeated.
func Reclassify(ctx context.Context, failures Failures, classify Classify) error {
	for after := ""; ; {
		last, err := failures.Reclassify(ctx, after, reclassifyBatch, classify)
		if err != nil {
			return fmt.Errorf("classifying failures behind %q: %w", after, err)
		}
		if last == "" {
			return nil
		}
		after = last
	}
}
