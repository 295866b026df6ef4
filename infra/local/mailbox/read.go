package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hookline/shared/console"
)

// maxRead bounds how many files are looked at for one tenant's mails.
const maxRead = 2000

// Sent returns the mails to the tenant since then, the newest first to the second, at most that many, and whether there are more. A file
// that is no mail is passed over: people may put theirs into the folder.
func (f *Folder) Sent(ctx context.Context, tenant string, since time.Time, most int) (mails []console.Mail, more bool, err error) {
	names, err := filepath.Glob(filepath.Join(f.Path, "*.eml")) // sorted; a name begins with its time
	if err != nil {
		return nil, false, err
	}
	if len(names) > maxRead {
		names, more = names[len(names)-maxRead:], true
	}
	for _, name := range slices.Backward(names) {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		to, m, err := read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNoMail), err == nil && (to != tenant || m.At.Before(since)):
			continue
		case err != nil:
			return nil, false, err
		case len(mails) == most:
			return mails, true, nil
		}
		mails = append(mails, m)
	}
	return mails, more, nil
}

var errNoMail = errors.New("not a mail")

// read returns a mail and the tenant whose owner it is for.
func read(name string) (tenant string, m console.Mail, err error) {
	file, err := os.Open(name)
	if err != nil {
		return "", m, err
	}
	defer func() { _ = file.Close() }()
	raw, err := mail.ReadMessage(file)
	if err != nil {
		return "", m, fmt.Errorf("%w: %w", errNoMail, err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(raw.Body))
	if err == nil {
		m.At, err = raw.Header.Date()
	}
	if err == nil {
		m.Subject, err = new(mime.WordDecoder).DecodeHeader(raw.Header.Get("Subject"))
	}
	if err != nil {
		return "", m, fmt.Errorf("%w: %w", errNoMail, err)
	}
	if to, err := raw.Header.AddressList("To"); err == nil && len(to) > 0 {
		m.To = to[0].Address
	}
	m.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
	return raw.Header.Get(tenantHeader), m, nil
}
