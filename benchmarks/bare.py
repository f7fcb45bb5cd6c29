"""The least a Gradio page can be, one prompt box and one answer: what starting the app is measured against."""

import os

import gradio as gr

with gr.Blocks() as demo:
    gr.Textbox(elem_id="prompt")
    gr.Markdown()

if __name__ == "__main__":
    demo.launch(server_port=int(os.environ["PORT"]), quiet=True)
