"""The door: every command of `voxhaus`.

Knows: arguments, what a person sees, exit statuses.
Refuses to know: how anything is done; each command imports its room when it runs, so that the
door opens quickly.
"""
