"""How tokens are chosen, one after the other, where the loop is ours."""
