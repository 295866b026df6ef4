package httpapi

// ParametersOf returns the names of the parameters in the query of a route, by its key.
func ParametersOf(key string) (names []string) {
	for _, r := range routes() {
		if r.key() == key {
			names = r.parameters()
		}
	}
	return names
}
