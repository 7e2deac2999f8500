"""How tokens are chosen one by one, in the engines whose loop is ours."""
