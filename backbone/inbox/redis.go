package inbox

import (
	_ "embed" // the function
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"floodgate.internal/backbone/record"
)

//go:embed inbox.lua
var function string

// Script is the script of an effect with the function inbox_new(key, ttl) in
// front of it, which answers true where the event is new to the group and
// remembers it:
//
//	inbox.Script(`
//	if not inbox_new(KEYS[1], ARGV[1]) then return 0 end
//	redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
//	return 1`)
//
// Whoever asks Redis sees the effect and the memory of it together or neither,
// and so does a replica; a server that goes back in time loses both. The server
// must not evict keys (maxmemory-policy noeviction): it would forget an id
// before its time.
func Script(effect string) *redis.Script { return redis.NewScript(function + effect) }

// Key is where the record's event is remembered. tag is the hash tag of the
// effect's keys, the text between their braces, so that a cluster has all of
// them in one slot; it must not be empty nor hold a brace. Before the script,
// ask Check.
func (i *Inbox) Key(tag string, r *record.Record) (string, error) {
	if tag == "" || strings.ContainsAny(tag, "{}") {
		return "", fmt.Errorf("inbox of group %s: hash tag %q: want one or more characters and no brace", i.cfg.Group, tag)
	}
	// The group comes last: a brace in it no longer counts.
	return "inbox:{" + tag + "}:" + ID(r).String() + ":" + i.cfg.Group, nil
}

// TTL is how long a key lives, in milliseconds, as inbox_new takes it.
func (i *Inbox) TTL() int64 {
	if i.cfg.Retention == Forever {
		return 0
	}
	return i.cfg.Retention.Milliseconds()
}
