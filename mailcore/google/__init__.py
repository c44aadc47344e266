"""Google: the only place that imports Google's libraries or speaks to its servers."""
