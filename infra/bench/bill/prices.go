package bill

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed prices.json
var listed []byte

// Unit is what a price is for.
type Unit string

// The units that AWS bills.
const (
	HTTPRequest   Unit = "http_request"
	BusEvent      Unit = "bus_event"
	LambdaCall    Unit = "lambda_call"
	GBSecond      Unit = "lambda_gb_second"
	ReadUnit      Unit = "read_unit"
	WriteUnit     Unit = "write_unit"
	TableMonth    Unit = "table_gb_month"
	BackupMonth   Unit = "backup_gb_month"
	SQSRequest    Unit = "sqs_request"
	KMSRequest    Unit = "kms_request"
	KMSKeyMonth   Unit = "kms_key_month"
	LogGB         Unit = "log_gb"
	AlarmMonth    Unit = "alarm_month"
	SeriesMonth   Unit = "metric_month"
	BoardMonth    Unit = "dashboard_month"
	TransferredGB Unit = "transfer_gb"
)

// Prices are AWS's list prices in a region on a day, without free tiers and discounts: prices.json.
type Prices struct {
	Region string         `json:"region"`
	Date   string         `json:"date"`
	Prices map[Unit]Price `json:"prices"`
}

// Price is what so many of a unit cost.
type Price struct {
	Dollars float64 `json:"dollars"`
	Per     float64 `json:"per"`
	What    string  `json:"what"`
	Source  string  `json:"source"`
}

// ReadPrices reads the list.
func ReadPrices() (Prices, error) {
	var p Prices
	if err := json.Unmarshal(listed, &p); err != nil {
		return Prices{}, fmt.Errorf("prices.json: %w", err)
	}
	return p, nil
}

// Dollars returns what so many of a unit cost. A unit without a price is a mistake in this package.
func (p Prices) Dollars(u Unit, n float64) float64 {
	price, ok := p.Prices[u]
	if !ok {
		panic("no price for " + string(u))
	}
	return price.Dollars * n / price.Per
}
