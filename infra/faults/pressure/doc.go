// Package pressure puts more on Hookline than its queues take at once: deliveries that wait for hours beyond the queues'
// in-flight cap, and receivers that hang, beside others that must not notice. Its time is virtual, so its ratios are no
// measurement of this machine.
package pressure
