// Command unique prints the lines of a file, each of them once.
package main

import (
	"bufio"
	"fmt"
	"os"
)

// unique reads the file and keeps the first of all lines that are the same.
func unique(name string) ([]string, error) {
	file, err := os.Open(name)
	// TODO: handle the error, and close the file at the end
	var kept []string
	seen := make(map[string]bool)
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		if line := scanner.Text(); !seen[line] {
			seen[line] = true
			kept = append(kept, line)
		}
	}
	return kept, scanner.Err()
}

func main() {
	lines, err := unique(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, line := range lines {
		fmt.Println(line)
	}
}
