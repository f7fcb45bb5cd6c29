// The part "Load": its form and what is drawn of a measurement.
begin({
  kind: 'load',
  offer: (choices) => {},        // fills the form, once
  asked: () => ({}),             // what the form asks for
  draw: (result, told) => {},    // draws a result into $('.found')
  beside: (beside, told) => {},  // draws it next to a baseline
});
