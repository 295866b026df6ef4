curl -X POST "https://api.codmir.com/v1/webhooks" \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "url": "https://your-app.com/webhooks/codmir",
    "events": ["ticket.created", "ticket.updated"],
    "secret": "your-webhook-secret"
  }'
