// Asks the app for JSON, or sends it some. What it refuses is an error in its own words, with what else it `told`.
async function ask(address, body) {
  const answer = await fetch(address, body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(typeof told.detail === 'string' ? told.detail : 'The app did not understand this.'), { told });
  return told;
}
const inWords = (error) => error instanceof TypeError ? 'The app does not answer.' : error.message;
