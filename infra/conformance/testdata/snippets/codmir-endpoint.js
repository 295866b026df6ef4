app.post('/webhooks/codmir', (req, res) => {
  const event = req.body;
  switch (event.type) {
    case 'ticket.created':
      // Handle new ticket
      break;
    case 'ticket.updated':
      // Handle ticket update
      break;
  }
  res.status(200).send('OK');
});
