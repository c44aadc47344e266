"""The queue: messages that wait for their turn, and the workers that send them."""
