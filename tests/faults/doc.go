// Package faults holds the suites that take the broker away, freeze it, cut and
// delay its connections and kill processes at each step, while events are
// published and consumed, and then reconcile what was acknowledged with what
// became of it.
package faults
