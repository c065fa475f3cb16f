package store_test

import (
	"testing"
	"time"

	"floodgate.internal/services/vote/internal/casting"
	"floodgate.internal/services/vote/internal/store"
	"floodgate.internal/services/vote/internal/store/storetest"
)

func TestMemoryView(t *testing.T) {
	t.Parallel()
	storetest.Run[casting.View](t, store.NewMemoryView(time.Hour), storetest.ViewCases())
}
