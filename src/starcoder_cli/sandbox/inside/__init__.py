"""What runs inside a sandbox: standard library only, passed to Python as text, module by module."""
