package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"hookline/shared/dialect"
	"hookline/shared/hostname"
	"hookline/shared/metrics"
	"hookline/shared/queue"
	"hookline/shared/systemevent"
	"hookline/shared/webhook"
)

// Store is the part of store.Store that mailing uses. Of two calls of Repin for a pin of one time, one gets
// webhook.Conflict.
type Store interface {
	Tenant(ctx context.Context, id string) (webhook.Tenant, error)
	Pin(ctx context.Context, p webhook.Pin) (webhook.Pin, bool, error)
	Repin(ctx context.Context, p webhook.Pin, at time.Time) error
}

// Dialects finds a dialect by name or name@version.
type Dialects interface {
	Dialect(ctx context.Context, ref string) (*dialect.Dialect, error)
}

// Mailer hands a mail to whoever brings it. An error of kind webhook.Unavailable may pass; one of kind webhook.Invalid
// says that this mail is refused, and would be again.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Mail is a mail to one address. Subject is one line without control characters; Text has lines that end in "\n".
type Mail struct {
	Tenant  string // whose owner it is for; not part of the mail
	To      string // a plain address
	Subject string
	Text    string
}

// Service sends the mails. Its fields are set before use.
type Service struct {
	Store    Store
	Dialects Dialects
	Mailer   Mailer
	Queue    queue.Sender     // that the notices come from: digests wait in it
	Refused  queue.Sender     // messages that are no notices and mails that are refused, with the reason
	Console  string           // address of the console, such as https://hooks.example.com
	Brand    string           // the deployment's own name; "" is the product's of the tenant's dialect
	Now      func() time.Time // the deployment's clock; nil is real time
	Log      *slog.Logger
}

const (
	// perHour is how many changes of a tenant have a mail of their own in an hour.
	perHour = 10
	// lease is how long whoever mails a change has it to himself: a function's timeout. It is less than a queue's
	// visibility timeout, so that a message that comes back after a crash finds it over.
	lease = 45 * time.Second
	// remembered is for how long a repeat is known: as long as a message lives, and some.
	remembered = queue.MaxRetention + 24*time.Hour
)

var (
	// errBusy says that another message is at the same mail now.
	errBusy = errors.New("is being mailed")
	// errLater says that the mail service takes no mail now.
	errLater = errors.New("the mail service takes no mail now")
)

func (s *Service) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now().UTC().Truncate(time.Millisecond)
}

// message is what may be in the queue: a notice, a digest that waits, or one of them as a dead letter.
type message struct {
	systemevent.Notice
	Digest *digest `json:"digest"`
	refused
}

// refused is a message in the refused queue. Moved back it is what it was.
type refused struct {
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Message string    `json:"message"` // as it came
}

// digest is one mail of an hour's changes that have none of their own.
type digest struct {
	Tenant string    `json:"tenant"`
	Hour   time.Time `json:"hour"` // its beginning
	Due    time.Time `json:"due"`
}

// Handle takes a batch of messages, and returns the ids of those that stay and come back. A message that is no notice, and a mail
// that is refused for good, goes to the refused queue with the reason at once, for trying again is of no use. That the mail service
// throttles, or refuses an address, is no error of ours: it is logged as a warning.
func (s *Service) Handle(ctx context.Context, msgs []queue.Received) (stays []string, err error) {
	for _, m := range msgs {
		body := m.Body
		err := s.handle(ctx, &body)
		if refusal, ok := errors.AsType[*webhook.Error](err); ok && (refusal.Kind == webhook.Invalid || refusal.Kind == webhook.Malformed) {
			err = s.refuse(ctx, m.ID, body, refusal)
		}
		if err != nil {
			level := slog.LevelError
			switch {
			case errors.Is(err, errBusy):
				level = slog.LevelDebug
			case errors.Is(err, errLater):
				level = slog.LevelWarn
			}
			s.Log.Log(ctx, level, "mail.failed", "message_id", m.ID, "err", err)
			stays = append(stays, m.ID)
		}
	}
	return stays, nil
}

// handle takes a dead letter's wrapping off the body.
func (s *Service) handle(ctx context.Context, body *string) error {
	var m message
	err := json.Unmarshal([]byte(*body), &m)
	if err == nil && m.Message != "" {
		*body = m.Message
		m = message{}
		err = json.Unmarshal([]byte(*body), &m)
	}
	switch {
	case err != nil:
		return &webhook.Error{Kind: webhook.Malformed, Code: "malformed", Message: "the message is no notice", Cause: err}
	case m.Digest != nil:
		return s.digest(ctx, *m.Digest)
	}
	return s.notice(ctx, m.Notice)
}

func (s *Service) refuse(ctx context.Context, id, body string, why *webhook.Error) error {
	s.Log.WarnContext(ctx, "mail.refused", "message_id", id, "err", why)
	b, err := json.Marshal(refused{Reason: why.Error(), At: s.now(), Message: body[:min(len(body), queue.MaxBytes/4)]})
	if err != nil {
		return err
	}
	return queue.SendAll(ctx, s.Refused, []queue.Outgoing{{Body: string(b)}})
}

// notice sees to one change. The order is: note it, mail it, note that it was mailed. A crash before the mail leaves the
// change noted and its message in the queue; a crash after it repeats the mail.
func (s *Service) notice(ctx context.Context, n systemevent.Notice) error {
	if !mails(n.DetailType) {
		return nil
	}
	c, err := readChange(n)
	if err != nil {
		return err
	}
	t, err := s.recipient(ctx, n.Detail.Tenant)
	// A tenant made after the change is another one of the same id.
	if err != nil || t.NotifyEmail == "" || c.at.Before(t.CreatedAt.Truncate(time.Second)) {
		return err
	}
	// The hour is that of the change's first notice, so that a repeat, or what was long in the queue, finds the same.
	now := s.now()
	first, _, err := s.Store.Pin(ctx, webhook.Pin{
		Tenant: t.ID, Scope: "mail-change", Key: c.id, At: now, ExpiresAt: now.Add(remembered),
	})
	if err != nil {
		return err
	}
	hour := first.At.Truncate(time.Hour)
	var place placed
	if err := s.edit(ctx, t.ID, hour, func(l *ledger) bool {
		place = l.note(c.entry(), now)
		return place.changed
	}); err != nil {
		return err
	}
	switch {
	case place.busy:
		return errBusy
	case place.done:
		return nil
	case place.alone:
		if err := s.send(ctx, c.mail(t, s.product(ctx, t), s.Console)); err != nil {
			return err
		}
		return s.edit(ctx, t.ID, hour, func(l *ledger) bool { return l.sent(c.id) })
	}
	// The digest's message first: a crash after it makes a second one, which will find nothing to mail.
	if err := s.delay(ctx, digest{Tenant: t.ID, Hour: hour, Due: hour.Add(time.Hour)}); err != nil {
		return err
	}
	return s.edit(ctx, t.ID, hour, func(l *ledger) bool {
		changed := !l.Waiting
		l.Waiting = true
		return changed
	})
}

// recipient returns a tenant, the zero one if it is gone.
func (s *Service) recipient(ctx context.Context, id string) (webhook.Tenant, error) {
	t, err := s.Store.Tenant(ctx, id)
	if webhook.Is(err, webhook.NotFound) {
		return webhook.Tenant{}, nil
	}
	return t, err
}

// send hands over a mail whose address cannot be more than one address. It is checked again for one that was stored
// under older rules.
func (s *Service) send(ctx context.Context, m Mail) error {
	to, problem := hostname.MailAddress(m.To)
	if problem != "" {
		return webhook.ErrInvalid(webhook.FieldError{Field: "notify_email", Message: problem})
	}
	m.To = to
	err := s.Mailer.Send(ctx, m)
	if err != nil {
		metrics.Add(ctx, metrics.MailsFailed, 1)
	} else {
		metrics.Add(ctx, metrics.MailsSent, 1)
	}
	if webhook.Is(err, webhook.Unavailable) {
		return fmt.Errorf("%w: %w", errLater, err)
	}
	return err
}

// product returns the name that the tenant's owner knows. A mail without it is better than none.
func (s *Service) product(ctx context.Context, t webhook.Tenant) string {
	if s.Brand != "" {
		return s.Brand
	}
	d, err := s.Dialects.Dialect(ctx, t.Dialect)
	if err != nil || line(d.Product, maxName) == "" {
		return "Hookline"
	}
	return line(d.Product, maxName)
}

// delay has a digest wait, by delays of at most 15 minutes one after the other: a message that waits so is not in flight.
func (s *Service) delay(ctx context.Context, d digest) error {
	b, err := json.Marshal(map[string]digest{"digest": d})
	if err != nil {
		return err
	}
	delay := min(max(d.Due.Sub(s.now()), 0), queue.MaxDelay)
	return queue.SendAll(ctx, s.Queue, []queue.Outgoing{{Body: string(b), Delay: delay}})
}

// digest mails an hour's changes that have no mail of their own, once the hour is over. It goes on until there are none,
// for whoever notes one relies on a digest that waits.
func (s *Service) digest(ctx context.Context, d digest) error {
	if d.Due.After(s.now()) {
		return s.delay(ctx, d)
	}
	t, err := s.recipient(ctx, d.Tenant)
	if err != nil || t.NotifyEmail == "" {
		return err
	}
	for {
		var left leftover
		now := s.now()
		if err := s.edit(ctx, t.ID, d.Hour, func(l *ledger) bool {
			left = l.leftover(now)
			return left.changed
		}); err != nil {
			return err
		}
		switch {
		case left.busy:
			return errBusy
		case len(left.entries) == 0 && left.more == 0:
			return nil
		}
		if err := s.send(ctx, left.mail(t, d.Hour, s.product(ctx, t), s.Console)); err != nil {
			return err
		}
		if err := s.edit(ctx, t.ID, d.Hour, func(l *ledger) bool { return l.digestSent(left) }); err != nil {
			return err
		}
	}
}
