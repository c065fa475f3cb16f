package sqldb

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLite result codes, https://www.sqlite.org/rescode.html: the primary ones
// are the low byte of the extended ones.
const (
	sqliteBusy             = 5
	sqliteLocked           = 6
	sqliteIOErr            = 10
	sqliteFull             = 13
	sqliteCantOpen         = 14
	sqliteNotADB           = 26
	sqliteConstraintPK     = 1555
	sqliteConstraintUnique = 2067
	sqliteConstraintRowID  = 2579
)

// IsUnique is true of a violated unique constraint or primary key. On
// PostgreSQL the transaction can only be rolled back then; where the violation
// is expected, use ON CONFLICT.
func IsUnique(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	switch extended, _ := sqliteExtended(err); extended {
	case sqliteConstraintPK, sqliteConstraintUnique, sqliteConstraintRowID:
		return true
	}
	return false
}

// IsUnavailable is true of errors that say nothing about the statement and
// everything about the database: it is away, starting, stopping, out of
// connections or of disk. Whether a commit that ended so took effect is not
// known. A context's end is not one: the caller knows better what it means.
func IsUnavailable(err error) bool {
	if err == nil {
		return false
	}
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return unavailableState(pg.Code)
	}
	if code, ok := sqliteCode(err); ok {
		switch code {
		case sqliteBusy, sqliteLocked, sqliteIOErr, sqliteFull, sqliteCantOpen:
			return true
		}
		return false
	}
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		(errors.As(err, &network) && !pgconn.Timeout(err)) || pgconn.SafeToRetry(err)
}

// unavailableState: classes 08 connection exception, 53 insufficient resources,
// 58 system error, and of 57 the ones an administrator's stop or a start
// brings; 25006 is a write that reached a replica after a failover.
func unavailableState(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", "25006":
		return true
	}
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "58")
}

// isConflict is true of transactions that another one got in the way of, and
// that may well pass when they run again: serialization_failure,
// deadlock_detected, SQLITE_BUSY.
func isConflict(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	code, ok := sqliteCode(err)
	return ok && (code == sqliteBusy || code == sqliteLocked)
}

// sqliteCode is the primary result code of an error of SQLite's.
func sqliteCode(err error) (int, bool) {
	extended, ok := sqliteExtended(err)
	return extended & 0xff, ok
}

func sqliteExtended(err error) (int, bool) {
	// The driver's *Error; pgx has no error with such a method.
	var coded interface {
		error
		Code() int
	}
	if !errors.As(err, &coded) {
		return 0, false
	}
	return coded.Code(), true
}
