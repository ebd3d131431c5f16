package checks

// Rules are all the rules of the house that a reading of its files can check.
func Rules() []Rule {
	return []Rule{
		importRule(), banRule(), linkRule(), checkerRule(),
		docRule(), initRule(), varRule(), contextRule(),
		sleepRule(), skipRule(),
		sizeRule(), metricRule(),
		layoutRule(), readmeRule(), workplaceRule(), dependencyRule(),
	}
}
