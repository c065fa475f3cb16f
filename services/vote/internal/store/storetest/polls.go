package storetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"floodgate.internal/services/vote/internal/ballot"
	"floodgate.internal/services/vote/internal/casting"
)

// PollsCases are the cases every table of polls passes.
func PollsCases() []Case[casting.Polls] {
	return []Case[casting.Polls]{
		{"A poll is kept as it is", pollKept},
		{"The same poll again is the stored one", pollAgain},
		{"A taken id is refused", pollTaken},
		{"Of polls that race for an id one is stored", pollRace},
		{"A poll that is not there", pollMissing},
		{"Pages are newest first and whole", pollPages},
		{"The earliest end stands", pollCloses},
		{"Of racing closings the earliest stands", pollCloseRace},
	}
}

// aPoll answers a poll that nobody has.
func aPoll() ballot.Poll {
	p := ballot.Poll{
		ID: newID(), Title: `Who wins? "Ünï\code" <&'`, OpensAt: 1_790_000_000_000_001, CreatedAt: 1_780_000_000_000_002,
		VotesPerVoter: 3, Window: 24*time.Hour + time.Microsecond,
	}
	for i := range 1000 {
		n := strconv.Itoa(i)
		p.Candidates = append(p.Candidates, ballot.Candidate{ID: "c" + n, Name: "后补 " + n, ImageURL: "https://example.org/?a=1&b=" + n})
	}
	return p
}

// create creates a poll, whose digest is of its id; an error ends the case.
func create(t T, s casting.Polls, p ballot.Poll) ballot.Poll {
	t.Helper()
	stored, err := s.Create(t.Context(), p, "digest of "+p.ID)
	if err != nil {
		t.Fatalf("creating a poll: %v", err)
	}
	return stored
}

// pollKept: what the rules read of a poll decides which votes count, so that it
// comes back to the microsecond.
func pollKept(t T, s casting.Polls) {
	p := aPoll()
	compare(t, "the created poll", p, create(t, s, p))
	got, err := s.Get(t.Context(), p.ID)
	if err != nil {
		t.Fatalf("reading a poll: %v", err)
	}
	compare(t, "the poll", p, got)
}

// pollAgain: a retry has the time of its own arrival; the first one's counts.
func pollAgain(t T, s casting.Polls) {
	p := aPoll()
	first := create(t, s, p)
	p.CreatedAt++
	compare(t, "the poll of the second attempt", first, create(t, s, p))
}

// pollTaken: somebody else took the id. Votes for this poll would count there.
func pollTaken(t T, s casting.Polls) {
	p := aPoll()
	first := create(t, s, p)
	other := p
	other.Title = "Another"
	if _, err := s.Create(t.Context(), other, "another digest"); !errors.Is(err, casting.ErrPollExists) {
		t.Errorf("creating another poll of that id: %v", err)
	}
	got, err := s.Get(t.Context(), p.ID)
	if err != nil {
		t.Fatalf("reading a poll: %v", err)
	}
	compare(t, "the poll", first, got)
}

// pollRace: two pages created the poll at once, on several instances. Each
// caller is told the truth about what is stored.
func pollRace(t T, s casting.Polls) {
	const racers = 8
	p := aPoll()
	var mu sync.Mutex
	stored, refused := map[string]int{}, 0
	var run []func(context.Context) error
	for i := range racers {
		own := p
		own.Title = "title " + strconv.Itoa(i%2)
		run = append(run, func(ctx context.Context) error {
			got, err := s.Create(ctx, own, own.Title)
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, casting.ErrPollExists) {
				refused++
				return nil
			}
			stored[got.Title]++
			return err
		})
	}
	race(t, run...)
	if len(stored) != 1 || refused != racers/2 {
		t.Errorf("stored are %v, refused %d; want one of two, and the other refused", stored, refused)
	}
}

// pollMissing: callers answer 404 by this error alone.
func pollMissing(t T, s casting.Polls) {
	if _, err := s.Get(t.Context(), newID()); !errors.Is(err, casting.ErrNoPoll) {
		t.Errorf("reading: %v", err)
	}
	if _, err := s.Close(t.Context(), newID(), 1); !errors.Is(err, casting.ErrNoPoll) {
		t.Errorf("closing: %v", err)
	}
}

// pollPages reads the list two by two.
func pollPages(t T, s casting.Polls) {
	// Two of one moment: the id tells them apart.
	mine := map[string]bool{}
	for i := range int64(5) {
		p := aPoll()
		p.Candidates, p.CreatedAt = p.Candidates[:2], 1_700_000_000_000_000+i/2
		mine[create(t, s, p).ID] = true
	}
	var found []ballot.Poll
	var createdAt int64
	var id string
	for {
		page, err := s.List(t.Context(), createdAt, id, 2)
		if err != nil {
			t.Fatalf("listing polls: %v", err)
		}
		for _, p := range page {
			createdAt, id = p.CreatedAt, p.ID
			if mine[p.ID] {
				found = append(found, p)
			}
		}
		if len(page) < 2 {
			break
		}
	}
	if len(found) != len(mine) {
		t.Fatalf("%d polls are listed, want %d", len(found), len(mine))
	}
	for i := 1; i < len(found); i++ {
		if found[i].CreatedAt > found[i-1].CreatedAt {
			t.Errorf("poll %d is newer than the one before it", i)
		}
	}
}

// pollCloses: an end that was announced never moves back.
func pollCloses(t T, s casting.Polls) {
	p := aPoll()
	create(t, s, p)
	for _, step := range []struct{ at, want int64 }{{500, 500}, {600, 500}, {400, 400}, {400, 400}} {
		p.ClosesAt = step.want
		got, err := s.Close(t.Context(), p.ID, step.at)
		if err != nil {
			t.Fatalf("closing at %d: %v", step.at, err)
		}
		compare(t, "the closed poll", p, got)
	}
}

// pollCloseRace: operators close a poll at once. Nobody is told an end later
// than his own, and what stays is the earliest.
func pollCloseRace(t T, s casting.Polls) {
	p := aPoll()
	create(t, s, p)
	var run []func(context.Context) error
	for i := range int64(8) {
		run = append(run, func(ctx context.Context) error {
			got, err := s.Close(ctx, p.ID, 1000-i)
			if err == nil && got.ClosesAt > 1000-i {
				return errors.New("a closing answers a later end than its own")
			}
			return err
		})
	}
	race(t, run...)
	if got, err := s.Get(t.Context(), p.ID); err != nil || got.ClosesAt != 993 {
		t.Errorf("the poll closes at %d, %v; want 993", got.ClosesAt, err)
	}
}
