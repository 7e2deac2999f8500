"""What runs inside a sandbox: standard library only, given to Python as text, one module a file."""
