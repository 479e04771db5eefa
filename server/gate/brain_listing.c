/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_listing.h"

#include <stdlib.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/gate/attachment_client.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"

/* It outlives its request when that is canceled or its brain has gone. */
struct brain_listing {
	struct brain_attachment *attachment;
	struct brain_listing *next;    /* of the attachment's */
	struct brain_request *request; /* NULL: nobody is told */
	struct attachment_list list;
	bool is_asked;
};

static void
listing_free(struct brain_listing *listing)
{
	struct brain_listing **at = &listing->attachment->listings;

	while (*at != listing)
		at = &(*at)->next;
	*at = listing->next;
	listing->attachment->execs--;
	if (listing->request != NULL)
		listing->request->listing = NULL;
	free(listing);
}

static void
end(struct brain_listing *listing, const struct error *err)
{
	struct brain_request *request = listing->request;

	listing_free(listing);
	if (request != NULL && err != NULL)
		request_fail(request, err);
	else if (request != NULL)
		request_reply_list(request, "sessions");
}

static void
on_terminal(struct attachment_list *list, const struct terminal_info *terminal)
{
	struct brain_listing *listing = list->data;

	if (listing->request != NULL)
		request_list_add(
		    listing->request, &terminal_info_shape, terminal);
}

static void
on_again(struct attachment_list *list)
{
	struct brain_listing *listing = list->data;

	if (listing->request != NULL)
		buffer_clear(&listing->request->answer);
}

static void
on_done(struct attachment_list *list, const struct error *err)
{
	end(list->data, err);
}

void
brain_listing_ask_all(struct brain_attachment *attachment)
{
	struct brain_listing *listing;

	for (listing = attachment->listings; listing != NULL;
	     listing = listing->next) {
		if (listing->is_asked)
			continue;
		listing->is_asked = true;
		attachment_terminals(attachment->client, &listing->list);
	}
}

void
brain_listing_fail_all(
    struct brain_attachment *attachment, const struct error *err)
{
	while (attachment->listings != NULL)
		end(attachment->listings, err);
}

void
brain_listing_forget(struct brain_listing *listing)
{
	if (listing != NULL)
		listing->request = NULL;
}

static int
begin(struct brain_request *request, struct error *err)
{
	struct brain_attachment *attachment;
	struct brain_listing *listing;

	attachment =
	    brain_attachment_get(request->brain, request->body.task.task, err);
	if (attachment == NULL)
		return -1;
	listing = memory_new(1, sizeof(*listing));
	listing->attachment = attachment;
	listing->next = attachment->listings;
	attachment->listings = listing;
	attachment->execs++;
	listing->request = request;
	listing->list.on_terminal = on_terminal;
	listing->list.on_done = on_done;
	listing->list.on_again = on_again;
	listing->list.data = listing;
	request->listing = listing;
	request_list_begin(request);
	if (attachment->state == REACH_OPEN)
		brain_listing_ask_all(attachment);
	return 0;
}

/* Nothing was changed: the answer is only not waited for. */
static int
cancel(struct brain_request *request, struct error *err)
{
	(void)err;
	request_fail_with(
	    request, REQUEST_CANCELED, "the question was canceled");
	return 0;
}

const struct verb verb_sessions = {begin, cancel};
