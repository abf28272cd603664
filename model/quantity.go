package model

import "strconv"

// BinarySI is bytes as Kubernetes prints them, in the largest unit that leaves a whole
// number (apimachinery/pkg/api/resource, format BinarySI).
func BinarySI(bytes int64) string { return inUnits(bytes, 1024, "Ki", "Mi", "Gi", "Ti", "Pi", "Ei") }

// DecimalSI is a number as Kubernetes prints it (format DecimalSI).
func DecimalSI(n int64) string { return inUnits(n, 1000, "k", "M", "G", "T", "P", "E") }

// MilliSI is thousandths as Kubernetes prints them.
func MilliSI(n int64) string {
	if n%1000 == 0 {
		return DecimalSI(n / 1000)
	}
	return strconv.FormatInt(n, 10) + "m"
}

func inUnits(n, step int64, names ...string) string {
	unit := ""
	for i := 0; n != 0 && i < len(names) && n%step == 0; i++ {
		n, unit = n/step, names[i]
	}
	return strconv.FormatInt(n, 10) + unit
}
