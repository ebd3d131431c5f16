package rentmanagersim

import "net/http"

// errorPage is what a proxy or a maintenance window puts in place of data.
const errorPage = `<!DOCTYPE html>
<html><head><title>Service temporarily unavailable</title></head>
<body><h1>We'll be right back</h1><p>The service is being maintained. Please try again in a few minutes.</p></body></html>
`

// fail is a 4xx with words (reference pms.md §1.3).
func fail(status int, message string) *reply {
	return newReply(status, encode(object{{"Message", message}}))
}

// refuse is a 400 that names the argument.
func refuse(e *badQuery) *reply {
	return newReply(http.StatusBadRequest, encode(object{
		{"Message", "The request is invalid."},
		{"ModelState", object{{e.argument, []any{e.message}}}},
	}))
}

func tooMany() *reply {
	return fail(http.StatusTooManyRequests, "Too many requests. Try again later.")
}

// trouble is the error object of what is not the client's fault.
func trouble() []byte {
	return encode(object{
		{"UserMessage", "An unexpected error has occurred."},
		{"DeveloperMessage", "The connection to the company database could not be opened."},
		{"ErrorCode", 1000}, {"MoreInfoUri", ""}, {"Exception", nil}, {"Details", nil}, {"InnerException", nil},
		{"AdditionalData", object{}},
	})
}
