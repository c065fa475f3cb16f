package drain

import (
	"context"
	"path/filepath"

	"floodgate.internal/services/vote"
	"floodgate.internal/tests/bench/internal/rounds"
	"floodgate.internal/tests/bench/internal/votelog"
)

// Ledger compares vote-ledger with loading the rows that it has made, bare,
// into a table with the same unique constraint.
func Ledger() rounds.Contest {
	return rounds.Contest{Name: "ledger", Open: openLedger}
}

func openLedger(ctx context.Context, env rounds.Env) (*rounds.Match, error) {
	r, err := fill(ctx, env)
	if err != nil {
		return nil, err
	}
	line := rounds.Line{Name: "vote-ledger, 1,000,000 records", Unit: "rows/s", Ours: "ledger", Reference: "bare"}
	if env.Servers.DatabaseURL == "" {
		line.Note = "orientation: SQLite; bare INSERTs, 5,000 rows a transaction"
	} else {
		line.Target, line.Note = rounds.Target{AtLeast: 0.5}, "PostgreSQL; one bare COPY"
	}
	return &rounds.Match{
		Sides: []rounds.Side{{Name: "ledger", Run: r.service(vote.RoleLedger)}, {Name: "bare", Run: r.bare}},
		Lines: []rounds.Line{line},
		Close: r.close,
	}, nil
}

// bare loads the rows; on PostgreSQL those of the ledger's last drain.
func (r *reservoir) bare(ctx context.Context) (rounds.Sample, error) {
	var result Result
	err := r.env.Children.Run(ctx, BareName, bareSettings{
		DatabaseURL: r.servers.DatabaseURL, Dir: filepath.Join(r.env.Dir, "bare"), Rows: int(votelog.Distinct(r.records)),
	}, &result)
	return result.sample(), err
}
