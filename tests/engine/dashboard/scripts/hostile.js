/* Puts markup into every text that a venue, a strategy or a file may give. */
(async () => {
  const { state, connection } = await import("/main.js");
  const text = "<img src=x onerror=window.struck=1>";
  const hostile = (one) => Object.fromEntries(Object.entries(one).map(([name, value]) => [name, typeof value === "string" ? text : value]));
  connection.apply._instruments([...state.instruments.values()].map((one) => ({ ...one, symbol: text, venue: text, quote: text, price_decimals: 2, size_decimals: 5 })));
  state.positions = state.positions.map(hostile);
  state.limits = state.limits.map(hostile); state.parameters = state.parameters.map(hostile);
  state.beliefs = [{ strategy: text, time_ms: 1, probability: 0.5, confidence: 0.5, exposure: 0.5, regime: text, weights: { [text]: 1 } }];
  state.halts = [{ scope: text, sinceMs: 1, reason: text, text }];
  for (const order of [...state.orders.values()].slice(-30)) state.setOrder({ ...hostile(order), id: order.id, state: order.state, error: text });
  for (let count = 0; count < 30; count += 1) { state.addFill({ ...hostile(state.fills.at(-1)) }); state.addAlert({ ms: 1, severity: text, text }); state.addRecord({ sequence: 1, ms: 1, kind: text, text }); }
  for (const part of ["instruments", "positions", "limits", "parameters", "halts", "beliefs", "orders"]) state.change(part);
  await new Promise((done) => setTimeout(done, 0));
})()
