// Package checks holds the rules of the house as tests: who may import whom, how long a function may be, what a metric is called.
//
// A rule is a function over parsed files, so it also runs on the small bad examples in testdata: a check that cannot fail is no check.
// The files are parsed here, in the test process. A rule that asks the go tool in a child process is served from the test cache after
// the very change it should have caught.
//
// Nothing imports this package.
package checks
