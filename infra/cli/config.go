package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hookline/shared/api"
)

// account is where a stack is and who calls it: what login keeps.
type account struct {
	URL      string `json:"url"`
	APIKey   string `json:"api_key,omitempty"`
	AdminKey string `json:"admin_key,omitempty"`
	// Admin calls are signed with AWS credentials, also where the URL is not API Gateway's own.
	AWS bool `json:"aws,omitempty"`
	// The stack's name in CloudFormation, for doctor.
	Stack string `json:"stack,omitempty"`
}

func (p process) file() string { return filepath.Join(p.folder, "hookline", "login.json") }

// load reads what login has kept; nothing is kept before the first one.
func (p process) load() (kept account, err error) {
	raw, err := os.ReadFile(p.file())
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &kept)
	}
	if err != nil {
		return kept, fmt.Errorf("the file of logins cannot be read: %w; delete it and run `hookline login URL`", err)
	}
	return kept, nil
}

// save writes the file anew, so that nobody but its owner can read it whatever was there.
func (p process) save(kept account) error {
	if p.folder == "" {
		return errors.New("there is no folder for settings: set HOME, or use HOOKLINE_URL and HOOKLINE_API_KEY")
	}
	folder := filepath.Dir(p.file())
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	raw, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, "login-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), p.file())
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// account returns what calls are made with. A URL from the environment is another stack's, which the kept keys are not sent to.
func (p process) account() (account, error) {
	kept, err := p.load()
	if err != nil {
		return account{}, err
	}
	if base := p.getenv("HOOKLINE_URL"); base != "" {
		if base = strings.TrimRight(base, "/"); base != kept.URL {
			kept = account{URL: base}
		}
	}
	if key := p.getenv("HOOKLINE_API_KEY"); key != "" {
		kept.APIKey = key
	}
	if key := p.getenv("HOOKLINE_ADMIN_KEY"); key != "" {
		kept.AdminKey = key
	}
	if name := p.getenv("HOOKLINE_STACK"); name != "" {
		kept.Stack, kept.AWS = name, true
	}
	if kept.URL == "" {
		return account{}, credentialError{"no stack is known: run `hookline login URL`, or set HOOKLINE_URL"}
	}
	return kept, checkURL(kept.URL)
}

// checkURL refuses a URL that a key must not be sent to.
func checkURL(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return usageError{fmt.Errorf("%q is no URL of a stack: write it as https://HOST, or http://127.0.0.1:8080 for `make run`", base)}
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageError{errors.New("http would show the key to the network: use https; http is for this machine only")}
	}
	return nil
}

func (a *app) login() *cobra.Command {
	var admin, aws bool
	var stack string
	cmd := &cobra.Command{
		Use: "login URL", Short: "Keep where a stack is, and its key", Args: cobra.ExactArgs(1),
		Long: "Asks for the API key, or reads it as a line of the standard input, tries it, and keeps it in a file that only you can\n" +
			"read. With --admin it is the admin key of `make run`. With --aws no key is read: admin calls are signed with your AWS\n" +
			"credentials, as they are without it where the URL is API Gateway's own. A tenant's key and the admin's can both be kept.",
		RunE: func(cmd *cobra.Command, args []string) error {
			base := strings.TrimRight(args[0], "/")
			if err := checkURL(base); err != nil {
				return err
			}
			if stack != "" && !aws {
				return usageError{errors.New("--stack is for a stack on AWS: give --aws too")}
			}
			if admin && aws {
				return usageError{errors.New("--admin or --aws, not both: on AWS there is no admin key")}
			}
			kept, err := a.load()
			if err != nil {
				return err
			}
			if kept.URL != base {
				kept = account{URL: base}
			}
			switch {
			case aws:
				kept.AWS, kept.AdminKey, kept.Stack = true, "", stack
			case admin:
				kept.AdminKey, err = a.readKey("HOOKLINE_ADMIN_KEY", "Admin key")
			default:
				kept.APIKey, err = a.readKey("HOOKLINE_API_KEY", "API key")
			}
			if err != nil {
				return err
			}
			a.acc = &kept
			who := "admin"
			if admin || aws {
				err = a.call(cmd.Context(), request{method: "GET", path: "/v1/tenants", query: url.Values{"limit": {"1"}}, admin: true}, nil)
			} else {
				who, err = a.tenant(cmd.Context())
			}
			if err != nil {
				return err
			}
			if err := a.save(kept); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "Signed in to %s as %s.\n", base, printable(who, false))
			return nil
		},
	}
	cmd.Flags().BoolVar(&admin, "admin", false, "the key is the admin's")
	cmd.Flags().BoolVar(&aws, "aws", false, "sign admin calls with AWS credentials")
	cmd.Flags().StringVar(&stack, "stack", "", "with --aws, the stack's name in CloudFormation, for doctor")
	return cmd
}

// tenant returns whom the key belongs to. A key without the scope to say is a key all the same.
func (a *app) tenant(ctx context.Context) (string, error) {
	var own api.Tenant
	err := a.call(ctx, request{method: "GET", path: "/v1/tenant"}, &own)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Code == api.CodeMissingScope {
		return "a tenant", nil
	}
	return "tenant " + own.ID, err
}

// readKey takes a key from the environment, a person or the standard input. Never from an argument, which others can see.
func (a *app) readKey(name, prompt string) (string, error) {
	key := a.getenv(name)
	if key == "" && a.hidden != nil {
		fmt.Fprint(a.err, prompt+": ")
		raw, err := a.hidden()
		fmt.Fprintln(a.err)
		if err != nil {
			return "", err
		}
		key = string(raw)
	} else if key == "" {
		lines := bufio.NewScanner(a.in)
		lines.Scan()
		key = lines.Text()
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", credentialError{"no key was given: type it, or pass it on the standard input or in " + name}
	}
	return key, nil
}
