"""What people see of a run; views read events and never steer."""
