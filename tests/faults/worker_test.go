package faults_test

func runWorker(string) error { return nil }
