"""What can be done on the page, as calls that know nothing of gradio or HTTP: each gives a message for the browser."""
