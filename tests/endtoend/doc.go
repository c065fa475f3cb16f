// Package endtoend holds the tests that run the program as a person does.
package endtoend
