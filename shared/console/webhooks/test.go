package webhooks

import (
	"net/http"
	"net/url"
	"strconv"

	"hookline/shared/api"
	"hookline/shared/console/diagnosis"
	"hookline/shared/console/page"
	"hookline/shared/console/record"
)

func askTest(v *page.Visit) { ask(v, "test", v.Dialect.Words["test"]) }

// testedPage is the data of the page with a test's result.
type testedPage struct {
	api.TestResult
	Webhook record.Webhook
	Type    string
	Sent    record.Delivery // empty if the visitor's key may not read deliveries
}

// Why explains the test's failure.
func (p *testedPage) Why() diagnosis.Explanation {
	return diagnosis.Explain(api.Attempt{StatusCode: p.StatusCode, Error: p.Error, ErrorDetail: p.ErrorDetail, ResponseHeaders: p.ResponseHeaders})
}

func sendTest(v *page.Visit) {
	path := "/v1/webhooks/" + v.ID()
	p := testedPage{Type: v.R.PostFormValue("event_type")}
	in := map[string]any{}
	if p.Type != "" {
		in["event_type"] = p.Type
	}
	err := v.Get(path, nil, &p.Webhook)
	if err == nil {
		err = v.Send(http.MethodPost, path+"/test", in, &p.TestResult)
	}
	if err == nil && v.Key.Grants("deliveries:read") {
		err = v.Get("/v1/deliveries/"+url.PathEscape(p.DeliveryID), nil, &p.Sent)
	}
	if err != nil {
		v.Failed(err)
		return
	}
	v.Show(http.StatusOK, "tested", "panel", "webhooks", v.Dialect.Words["test"], &p)
}

// troubleshootPage is the data of the page with a webhook's checklists.
type troubleshootPage struct {
	Webhook  record.Webhook
	Evidence diagnosis.Evidence
	Lists    []diagnosis.Checklist
}

func troubleshoot(v *page.Visit) {
	path := "/v1/webhooks/" + v.ID()
	var p troubleshootPage
	if err := v.Get(path, nil, &p.Webhook); err != nil {
		v.Failed(err)
		return
	}
	if v.Key.Grants("deliveries:read") {
		var l api.List[api.Delivery]
		if err := v.Get(path+"/deliveries", url.Values{"limit": {strconv.Itoa(diagnosis.Deliveries)}}, &l); err != nil {
			v.Failed(err)
			return
		}
		p.Evidence = diagnosis.Gather(l.Data)
	}
	p.Lists = diagnosis.Checklists(v.Dialect, p.Webhook, p.Evidence)
	v.Show(http.StatusOK, "troubleshoot", "panel", "webhooks", v.Dialect.Words["troubleshooting"]+" · "+p.Webhook.Label(), &p)
}
