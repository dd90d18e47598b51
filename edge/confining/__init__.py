"""What a process may still do: files by Landlock, system calls by seccomp, memory and time by limits."""
