"""What happens to the processes of a system: started, found, watched, ended."""
