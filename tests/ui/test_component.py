"""What Gradio's components do for as long as a page is open."""

import gradio as gr

from ui import component


async def test_a_page_does_not_grow_with_its_events() -> None:
    with gr.Blocks() as page:
        box, button = gr.Checkbox(), gr.Button()
        button.click(lambda on: on, box, box)
    (event,) = page.fns.values()
    sessions = component.state_holder.StateHolder()
    sessions.set_blocks(page)
    state = sessions["one"]
    for said in (gr.update(visible=False), True, gr.skip(), gr.update(visible=True), False):
        await page.preprocess_data(event, [True], state)
        await page.postprocess_data(event, said, state)
    assert (state.blocks_config.blocks.keys(), state.config_values.keys()) == (page.blocks.keys(),) * 2
    assert state[box._id].visible
    assert state[box._id] is not box
