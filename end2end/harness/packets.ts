// What GraceDB posts for a superevent: `new`, then a `label_added`, and perhaps that it was retracted. Built from facts of S190425z (GraceDB's public
// data: time and FAR), so that the journeys need nothing from outside the project.

interface Packets {
  made: unknown;
  labelled: unknown;
  retracted: unknown;
}

export function superevent(id = 'S190425z', label = 'GCN_PRELIM_SENT'): Packets {
  const object = (labels: string[]) => ({
    superevent_id: id,
    gw_id: null,
    category: 'Production',
    created: '2019-04-25 08:18:26 UTC',
    submitter: 'emfollow',
    preferred_event: 'G330561',
    t_start: 1240215502.0,
    t_0: 1240215503.011549,
    t_end: 1240215504.0,
    gw_events: ['G330561'],
    em_events: [],
    far: 4.53764787126262e-13,
    labels,
    links: {},
    preferred_event_data: {
      graceid: 'G330561',
      group: 'CBC',
      pipeline: 'gstlal',
      search: 'AllSky',
      instruments: 'L1,V1',
      offline: false,
      far: 4.53764787126262e-13,
      labels: [],
      extra_attributes: {},
    },
  });
  const attached = (name: string, labels: string[]) => ({
    uid: id,
    alert_type: 'label_added',
    data: { name, creator: 'emfollow', created: '2019-04-25 08:54:02 UTC' },
    object: object(labels),
  });
  return {
    made: { uid: id, alert_type: 'new', data: object([]), object: object([]) },
    labelled: attached(label, [label]),
    retracted: attached('ADVNO', [label, 'ADVNO']),
  };
}
